"""What trains inside the server: the contract in ``interface``, and one folder for each engine."""
