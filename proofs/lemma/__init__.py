"""What a lemma in one file is decided with: numbers that write down what is done to them, and what decides these."""
