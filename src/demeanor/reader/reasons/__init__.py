"""Why an analysis says what it says: the functions of `demeanor.explain`, given what this reader reads."""
