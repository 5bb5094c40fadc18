"""`python -m poise` is `poise`."""

from poise.interfaces.cli import main

if __name__ == "__main__":
    main()
