"""How files come in: ``multipart`` reads them off the wire, ``receipt`` says what they may be."""
