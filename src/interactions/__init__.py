"""Events as arrays: vocabularies, weights and splits."""
