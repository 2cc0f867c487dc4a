"""What is to be done, as data: the actions, the rules that choose them, and the file they travel in."""
