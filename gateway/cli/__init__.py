"""Tools for people with a folder of pictures and a gateway: `python -m gateway.cli`."""
