"""Likelihoods: from the signal in each bin to −2 ln L and a goodness of fit, many points a call."""
