"""What surrounds one run of Ansible: places, environment, inventory, variables, stopping, records."""
