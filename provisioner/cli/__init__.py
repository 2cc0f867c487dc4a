"""The command line: one module a verb. Only here is the environment read, printed, asked and exited."""
