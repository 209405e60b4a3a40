"""Telephones for tests and demonstrations. They share no code with the system they call: only so does agreement mean much."""
