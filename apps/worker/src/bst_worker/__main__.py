"""``python -m bst_worker``: the worker process."""

from bst_worker.server import main

if __name__ == "__main__":
    main()
