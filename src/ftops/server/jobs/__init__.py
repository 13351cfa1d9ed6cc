"""Fine-tuning jobs: ``request`` reads one, ``queue`` has the threads, ``run`` trains, ``turns`` and ``results`` end it."""
