#!/usr/bin/perl
# A user agent on Net::SIP that is driven by lines: commands on standard input, what happens on standard output.
# The lines are those of test/interop/peers/driven.ts. Arguments: user, password, server, transport (udp, tcp, tls).
use strict;
use warnings;
use Net::SIP;
use Net::SIP::Request;
use IO::Socket::INET;

my ($user, $password, $server, $transport) = @ARGV;
$| = 1;
my $me = "sip:$user\@localhost";
my $proxy = "sip:$server;transport=$transport";
my $socket = IO::Socket::INET->new(
    LocalAddr => '127.0.0.1', LocalPort => 0, $transport eq 'udp' ? (Proto => 'udp') : (Proto => 'tcp', Listen => 5),
) or die $!;    # left to itself it takes 5060, and shares it with others
my $tls = { SSL_verify_mode => 0 };
my $ua = Net::SIP::Simple->new(
    leg => Net::SIP::Leg->new(sock => $socket, proto => $transport, $transport eq 'tls' ? (tls => $tls) : ()),
    outgoing_proxy => $proxy,
    registrar => 'sip:localhost',
    from => $me,
    domain => 'localhost',
    auth => [$user, $password],
    domain2proxy => { '*' => $proxy },
);
my $endpoint = $ua->{endpoint};
my ($leg) = $ua->{dispatcher}->get_legs;
my $contact = "<sip:$user\@" . $leg->laddr(2) . ($transport eq 'udp' ? '' : ";transport=$transport") . ">";
my $offer = join "\r\n", 'v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 9 RTP/AVP 0', 'a=inactive', '';

sub say_line { print join(' ', @_), "\n" }

sub escaped {
    my ($text) = @_;
    $text =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

# A request outside of any dialog; prints the command and the final status.
sub request {
    my ($method, $to, $label, $body, %headers) = @_;
    my $then = delete $headers{then};
    my %ctx = (from => $me, to => $to, contact => $contact, auth => $ua->{auth});
    my $answered = sub {
        my ($endpoint, $ctx, $errno, $code, $response) = @_;
        return if $code && $code < 200;
        $then->($ctx, $response) if $then && $code && $code < 300;
        say_line($label, $code || "error-$errno");
    };
    return $endpoint->new_request($method, \%ctx, $answered, $body, %headers);
}

my %dialogs;    # event and user -> what continues the subscription
my $call;       # the context of a call, its INVITE where we were called
my $etag;

sub subscribed {
    my ($key, $event) = @_;
    return sub {
        my ($ctx, $response) = @_;
        $dialogs{$key} = {
            event => $event,
            from => $ctx->{from},
            to => scalar $response->get_header('to'),
            callid => $ctx->callid,
            cseq => $ctx->{cseq},
            target => (scalar $response->get_header('contact')) =~ /<([^>]+)>/ ? $1 : scalar $response->get_header('contact'),
            route => [$response->get_header('record-route')],
        };
    };
}

my %commands = (
    message => sub {
        my ($to, $text) = split / /, shift, 2;
        request('MESSAGE', "sip:$to\@localhost", 'message', $text, 'Content-Type' => 'text/plain;charset=UTF-8');
    },
    watch => sub {
        my ($event, $whom, $accept) = split / /, shift;
        my %headers = (Event => $event, Accept => $accept, Expires => 600, then => subscribed("$event $whom", $event));
        request('SUBSCRIBE', "sip:$whom\@localhost", 'watch', undef, %headers);
    },
    unwatch => sub {
        my ($event, $whom) = split / /, shift;
        my $dialog = delete $dialogs{"$event $whom"} or return say_line('unwatch', 'none');
        my %ctx = (%$dialog, contact => $contact, auth => $ua->{auth}, remote_contact => $dialog->{target});
        delete @ctx{qw(event target route)};
        my $ctx = { %ctx, @{ $dialog->{route} } ? (route => [reverse @{ $dialog->{route} }]) : () };
        my $answered = sub { say_line('unwatch', $_[3] || "error-$_[2]") };
        $endpoint->new_request('SUBSCRIBE', $ctx, $answered, undef, Event => $dialog->{event}, Expires => 0);
    },
    publish => sub {
        my ($type, $body) = split / /, shift, 2;
        my $then = sub { $etag = $_[1]->get_header('sip-etag') };
        my %headers = (Event => 'presence', Expires => 600, 'Content-Type' => $type, then => $then);
        $headers{'SIP-If-Match'} = $etag if $etag;
        request('PUBLISH', $me, 'publish', $body, %headers);
    },
    call => sub {
        my ($to) = @_;
        my %ctx = (from => $me, to => "sip:$to\@localhost", contact => $contact, auth => $ua->{auth});
        my $heard = sub {
            my ($endpoint, $ctx, $errno, $code, $packet, $leg, $from) = @_;
            if ($packet && $packet->is_request) { return in_call(@_) }
            my ($method) = $packet ? $packet->cseq =~ /(\w+)$/ : ('INVITE');
            if ($method eq 'BYE') { say_line('bye', $code) }
            elsif ($method eq 'CANCEL') { }
            elsif ($code && $code < 200) { say_line('ringing') if $code >= 180 }
            else { say_line('call', $code || "error-$errno") }
        };
        $call = $endpoint->invite(\%ctx, $heard, $offer, 'Content-Type' => 'application/sdp');
    },
    cancel => sub { $endpoint->cancel_invite($call) },
    answer => sub {
        my ($ctx, $request, $leg, $from) = @$call{qw(ctx request leg from)};
        my $response = $request->create_response('200', 'OK', { contact => $contact, 'content-type' => 'application/sdp' }, $offer);
        $endpoint->new_response($ctx, $response, $leg, $from);
        $call = $ctx;
    },
    bye => sub { $endpoint->new_request('BYE', $call) },
    quit => sub {
        request('REGISTER', $me, 'unregister', undef, uri => 'sip:localhost', expires => 0, then => sub { exit 0 });
    },
);

sub in_call {
    my ($endpoint, $ctx, $errno, $code, $request, $leg, $from) = @_;
    my $method = $request->is_response ? '' : $request->method;
    say_line('ended') if $method eq 'BYE';
    say_line('cancelled') if $method eq 'CANCEL';
    say_line('talking') if $method eq 'ACK';
    say_line('bye', $code) if $request->is_response && $request->cseq =~ /BYE/;
}

$endpoint->set_application(sub {
    my ($endpoint, $ctx, $request, $leg, $from) = @_;
    my $method = $request->method;
    if ($method eq 'INVITE') {
        $call = { ctx => $ctx, request => $request, leg => $leg, from => $from };
        $ctx->set_callback(\&in_call);
        $endpoint->new_response($ctx, $request->create_response('180', 'Ringing', { contact => $contact }), $leg, $from);
        return say_line('called');
    }
    my $known = $method eq 'MESSAGE' || $method eq 'NOTIFY';
    $endpoint->new_response($ctx, $request->create_response($known ? ('200', 'OK') : ('501', 'Not Implemented')), $leg, $from);
    $endpoint->close_context($ctx);
    my (undef, undef, undef, $body) = $request->as_parts;
    my $text = (scalar $request->get_header('content-type') // '') =~ m{^text/plain}i;    # not a notification of delivery
    say_line('got', $body) if $method eq 'MESSAGE' && $text;
    if ($method eq 'NOTIFY') {
        my ($event) = (scalar $request->get_header('event')) =~ /^([\w.-]+)/;
        my ($state) = (scalar $request->get_header('subscription-state')) =~ /^(\w+)/;
        say_line('notify', $event, $state, escaped($body // ''));
    }
});

my $register = $ua->register(leg => $leg, contact => $contact, expires => 600);
say_line('register', defined $register ? 200 : $ua->error);

my $typed = '';
$ua->{loop}->addFD(\*STDIN, 0, sub {
    sysread(STDIN, $typed, 65536, length $typed) or exit 0;
    while ($typed =~ s/^([^\n]*)\n//) {
        my ($name, $rest) = split / /, $1, 2;
        ($commands{$name} // sub { say_line('unknown', $name) })->($rest);
    }
});
$ua->loop;
