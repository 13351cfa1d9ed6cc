"""Makes ``python -m ftops.server`` run the command ``serve``."""

from ftops.server.main import serve

if __name__ == "__main__":
    serve(prog_name="python -m ftops.server")
