"""What is Twilio's: Media Streams, TwiML, webhooks, REST."""
