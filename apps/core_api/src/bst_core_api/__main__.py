"""``python -m bst_core_api``: the API process."""

from bst_core_api.server import main

if __name__ == "__main__":
    main()
