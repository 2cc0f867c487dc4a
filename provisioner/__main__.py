"""`python -m provisioner` is `provision`."""

from provisioner.cli.main import main

main()
