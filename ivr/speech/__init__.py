"""Speech: what callers say. tiny/ is the built-in model of Vosk and its recipe."""
