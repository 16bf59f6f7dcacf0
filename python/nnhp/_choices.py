"""What arguments of the command may be, by name: here, where nothing else is loaded."""

METHODS = (  # of a search, as _table_methods has them
    "random",
    "grid",
    "halving",
    "hyperband",
    "bayes",
    "genetic",
    "pbt",
    "grow",
)
TASKS = ("classification", "regression")
BUNDLED = ("digits", "breast_cancer", "wine", "iris", "diabetes")  # data sets of scikit-learn
