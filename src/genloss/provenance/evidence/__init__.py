"""Evidence with p-values that hold: tails, scores, accuracy, calibration."""
