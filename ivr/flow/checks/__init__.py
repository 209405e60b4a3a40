"""The checker's rules, a module for each thing they look at. A rule is a function from a Survey to findings; check.py has the
list of them, messages.py their words."""
