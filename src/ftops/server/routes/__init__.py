"""One module for each of OpenAI's resources: reads the request, asks storage or the queue, writes the answer."""
