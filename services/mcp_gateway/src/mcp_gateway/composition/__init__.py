"""What `app` puts together, room by room: each factory builds one part of the gateway from the settings."""
