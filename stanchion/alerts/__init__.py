"""The alerts: one file each below roles/monitoring/files/alerts, made into rules of Prometheus."""
