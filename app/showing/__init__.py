"""What pages show, in words and numbers: templates decide nothing."""
