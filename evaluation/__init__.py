"""From a model to features, from features to ranks and recall."""
