"""What is expected against what is seen, layer by layer, as findings."""
