"""The families: each source with its learner and its statistic."""
