"""How processes of a node talk over unix sockets: commands, replies and events, a line of JSON each."""
