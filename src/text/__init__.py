"""What products are about: texts to vectors and words, and the search over both."""
