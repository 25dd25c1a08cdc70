"""`python -m genloss` is the `genloss` command."""

from genloss.cli.main import main

raise SystemExit(main())
