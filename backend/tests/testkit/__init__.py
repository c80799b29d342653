"""What the tests run against: a real Postgres, a real gunicorn, and a network between them that can fail."""
