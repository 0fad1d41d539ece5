"""Publishing playbooks and a workspace, and what becomes of what runs by the version before."""
