"""What arguments of the command may be, by name: here, where nothing else is loaded."""

METHODS = ("random", "grid", "halving", "hyperband")  # of a search
TASKS = ("classification", "regression")
BUNDLED = ("digits", "breast_cancer", "wine", "iris", "diabetes")  # data sets of scikit-learn
