"""`python -m sendto_cli` is the `sendto` command; the supervisor starts its parts this way."""

from sendto_cli.main import main

if __name__ == "__main__":
    main()
