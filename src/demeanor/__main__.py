"""`python -m demeanor` is the command `demeanor`."""

from demeanor.cli import main

if __name__ == "__main__":
    main()
