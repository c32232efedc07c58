"""What people have (text, treebanks, coreference files) to examples in JSON."""
