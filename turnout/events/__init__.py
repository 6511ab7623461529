"""Events and workshops, their sessions, speakers and partners, and how they are found."""
