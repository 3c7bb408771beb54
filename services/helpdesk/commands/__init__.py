"""What people do at the helpdesk, by matter: requests, complaints, announcements."""
