"""`python -m czcheck`."""

from czcheck.cli import main

if __name__ == "__main__":
    main()
