"""From a chain to a labelled result: plan, blocks, checkpoints, folders."""
