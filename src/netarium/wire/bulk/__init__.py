"""Hot loops over batches of frames: where layers are, columns, addresses, flows, verdicts."""
