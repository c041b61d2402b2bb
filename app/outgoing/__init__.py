"""What leaves the platform for people and their programs: e-mail and signed webhooks.

    app.services.notices --notify--> notifications --due--> deliveries      (the durable outbox: rows)
                                                               |  claimed with a lease, one for each channel
                                                        app.outgoing.sender, in each web process
                                                          |              |
                                              app.outgoing.mail    app.outgoing.webhook
                                                (SMTP)               app.outgoing.exchange: one POST, bounded
                                                                     app.outgoing.destinations: where it may go

Nothing here holds a database transaction while it waits for somebody else, and knows no Flask: the words of
a message come from whoever starts the sender (app.web.notification_words).
"""
