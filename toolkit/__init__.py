"""What all share: flags and errors of scripts, files, the start of Keras."""
