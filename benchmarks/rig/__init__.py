"""What every measurement of running processes needs: servers of its own, the peer's drivers, BST's processes, one checked run."""
