"""From a chat request to its answer: ``request`` reads, ``answers`` asks the model, ``streaming`` tells it in pieces."""
