"""What runs by itself: the schedules and sensors of the end of day, of late sources, of OTC weeks, and of alerts."""
