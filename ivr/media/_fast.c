/* The quick case of ivr/media/loops.py in C: take(), take_slots() and send_frames(), upon the very objects that Python works on.
 *
 * There is no state here between two calls. The slots of Leg, Arrivals, Timeline, Outgoing and Pair are read and written where
 * Python keeps them, so Python may take over at any packet, and does: what is done here is only the packet that simply follows the
 * last one, of the negotiated codec, from a peer that the kernel vouches for, to listeners and timelines for which it simply
 * follows too; and the frame that continues a play or silence without a pause. First all is looked at, and if anything is not that
 * simple nothing has been touched and the Python method is called, whose rules are written nowhere else.
 *
 * Memory. Packets are hostile: each length is checked before a byte is read. Objects are used only when they are of exactly the
 * types that learn() was told, numbers only when they are ints that fit, and between the look and the last write no Python code
 * runs. The GIL is kept: sockets don't block, and the loop lets others run when it waits.
 */

#include "_fast_packet.h"
#include "_fast_slots.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define SAMPLED 31 /* as in leg.py */
#define MAX_LISTENERS 4 /* of one leg; Python serves larger rounds */
#define ARRIVED 0x8907 /* as in pair.py */
#define RATE 8000 /* as in rtp.py */
#define SLOT_S 0.005 /* as in schedule.py */
#define MOST 1024 /* as in loops.py */

static PyObject *leg_receive, *pair_to_peer, *pair_to_any, *pair_arrived; /* the functions that are known here */

/* Where Outgoing.send writes to, when that is Pair.to_peer or, to an IPv4 address, Pair.to_any. */

typedef struct {
    PyObject *counters;
    int descriptor;
    socklen_t size; /* of `to`; 0: the socket is connected */
    struct sockaddr_in to;
} Way;

/* An address as Python has it, host and port. Returns whether it is one of IPv4. */
static int read_address(PyObject *address, struct sockaddr_in *read)
{
    if (address == NULL || !PyTuple_CheckExact(address) || PyTuple_GET_SIZE(address) != 2)
        return 0;
    PyObject *host = PyTuple_GET_ITEM(address, 0), *port = PyTuple_GET_ITEM(address, 1);
    if (!PyUnicode_CheckExact(host) || !PyUnicode_IS_COMPACT_ASCII(host) || !PyLong_CheckExact(port))
        return 0;
    int overflow;
    long found = PyLong_AsLongAndOverflow(port, &overflow);
    if (overflow || found < 0 || found > 0xFFFF)
        return 0;
    memset(read, 0, sizeof *read);
    read->sin_family = AF_INET;
    read->sin_port = htons((uint16_t)found);
    return inet_pton(AF_INET, (const char *)PyUnicode_1BYTE_DATA(host), &read->sin_addr) == 1;
}

static int find_way(PyObject *out, Way *way)
{
    long long descriptor;
    PyObject *send = get(out, &Outgoing, OUT_SEND), *remote = get(out, &Outgoing, OUT_REMOTE);
    if (send == NULL || !PyMethod_Check(send) || remote == NULL || remote == Py_None)
        return 0;
    PyObject *pair = PyMethod_GET_SELF(send), *function = PyMethod_GET_FUNCTION(send);
    if (!is(pair, &Pair) || !number(pair, &Pair, PAIR_DESCRIPTOR, &descriptor) || descriptor < 0 || descriptor > INT_MAX)
        return 0;
    way->descriptor = (int)descriptor;
    way->counters = get(out, &Outgoing, OUT_COUNTERS);
    way->size = function == pair_to_peer ? 0 : sizeof way->to;
    return is(way->counters, &Counters) && (function == pair_to_peer || (function == pair_to_any && read_address(remote, &way->to)));
}

/* Send, or count what the system refused. */
static int pass_on(const Way *way, const unsigned char *packet, Py_ssize_t size)
{
    const struct sockaddr *to = way->size ? (const struct sockaddr *)&way->to : NULL;
    if (sendto(way->descriptor, packet, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL, to, way->size) >= 0)
        return 0;
    return add(way->counters, &Counters, COUNTERS_UNSENT, 1);
}

/* Relayed packets, which take() sends in bursts: who is woken by the first finds the others too, and to be woken by each would
   cost the sender nearly as much again. All are sent before Python is called for a packet, before take() returns, and in each
   slot. */

#define BURST 32

static struct {
    Way way; /* owns its counters */
    Py_ssize_t size;
    unsigned char packet[MAX_SIZE];
} burst[BURST];
static int held;

static int send_burst(void)
{
    int done = 0;
    for (int index = 0; index < held; index++) {
        if (done == 0)
            done = pass_on(&burst[index].way, burst[index].packet, burst[index].size);
        Py_DECREF(burst[index].way.counters);
    }
    held = 0;
    return done;
}

/* Timeline.place(), where the packet simply follows. */

typedef struct {
    PyObject *timeline;
    long long at;
    unsigned char *to;
} Place;

static int look_at_timeline(PyObject *timeline, uint32_t timestamp, Py_ssize_t count, Place *place)
{
    long long next;
    if (!is(timeline, &Timeline))
        return 0;
    PyObject *buffer = get(timeline, &Timeline, TIMELINE_BUFFER), *noise = get(timeline, &Timeline, TIMELINE_NOISE);
    if (buffer == NULL || !PyByteArray_CheckExact(buffer) || noise == NULL || !PyBytes_CheckExact(noise) ||
        PyBytes_GET_SIZE(noise) || !number(timeline, &Timeline, TIMELINE_NEXT, &next) || next != timestamp ||
        !number(timeline, &Timeline, TIMELINE_AT, &place->at) || place->at < 0 ||
        place->at > PyByteArray_GET_SIZE(buffer) - count)
        return 0;
    place->timeline = timeline;
    place->to = (unsigned char *)PyByteArray_AS_STRING(buffer) + place->at;
    return 1;
}

static int place(const Place *place, uint32_t timestamp, const unsigned char *payload, Py_ssize_t count, int alaw)
{
    if (alaw)
        memcpy(place->to, payload, (size_t)count);
    else
        translate(place->to, payload, count, ulaw_to_alaw);
    if (put(place->timeline, &Timeline, TIMELINE_AT, place->at + count) < 0)
        return -1;
    return put(place->timeline, &Timeline, TIMELINE_NEXT, (uint32_t)(timestamp + count));
}

/* Outgoing.relay(), where the packet simply follows. */

typedef struct {
    PyObject *out;
    Way way;
    int alaw;
    long long type, sequence_shift, timestamp_shift, ssrc, sent, more;
} Relay;

static int look_at_listener(PyObject *out, uint16_t sequence, uint32_t timestamp, Py_ssize_t size, Relay *relay)
{
    long long from_sequence, from_timestamp, full_size;
    if (!is(out, &Outgoing))
        return 0;
    relay->out = out;
    relay->alaw = is_alaw(get(out, &Outgoing, OUT_LAW));
    if (relay->alaw < 0 || !find_way(out, &relay->way) ||
        !number(out, &Outgoing, OUT_FROM_SEQUENCE, &from_sequence) || from_sequence != sequence ||
        !number(out, &Outgoing, OUT_FROM_TIMESTAMP, &from_timestamp) || from_timestamp != timestamp ||
        !number(out, &Outgoing, OUT_TYPE, &relay->type) || relay->type < 0 || relay->type >= MARKER ||
        !number(out, &Outgoing, OUT_SEQUENCE_SHIFT, &relay->sequence_shift) ||
        !number(out, &Outgoing, OUT_TIMESTAMP_SHIFT, &relay->timestamp_shift) ||
        !number(out, &Outgoing, OUT_SSRC, &relay->ssrc) || !number(out, &Outgoing, OUT_SENT, &relay->sent) ||
        !number(out, &Outgoing, OUT_FULL_SIZE, &full_size))
        return 0;
    relay->more = size - full_size;
    return 1;
}

static int relay(const Relay *relay, const unsigned char *packet, Py_ssize_t size, uint16_t sequence, uint32_t timestamp, int alaw)
{
    if (held == BURST && send_burst() < 0)
        return -1;
    unsigned char *other = burst[held].packet;
    PyObject *out = relay->out;
    Py_ssize_t count = size - HEADER_SIZE;
    if (relay->alaw == alaw)
        memcpy(other + HEADER_SIZE, packet + HEADER_SIZE, (size_t)count);
    else
        translate(other + HEADER_SIZE, packet + HEADER_SIZE, count, alaw ? alaw_to_ulaw : ulaw_to_alaw);
    write_header(other, relay->type | (packet[1] & MARKER), sequence + relay->sequence_shift,
                 timestamp + relay->timestamp_shift, relay->ssrc);
    if (put(out, &Outgoing, OUT_FROM_SEQUENCE, (uint16_t)(sequence + 1)) < 0 ||
        put(out, &Outgoing, OUT_FROM_TIMESTAMP, (uint32_t)(timestamp + count)) < 0 ||
        put(out, &Outgoing, OUT_SENT, relay->sent + 1) < 0 ||
        add(out, &Outgoing, OUT_OCTETS_MORE, relay->more) < 0)
        return -1;
    burst[held].way = relay->way;
    Py_INCREF(relay->way.counters);
    burst[held++].size = size;
    return 0;
}

/* Leg.timed(), of the packet taken from this descriptor last: Python does the sums, when it came is asked here. */
static int timed(PyObject *leg, PyObject *arrivals, int descriptor, uint16_t sequence, uint32_t timestamp)
{
    PyObject *arrived = get(leg, &Leg, LEG_ARRIVED), *done;
    struct timespec when;
    if (arrived != NULL && PyMethod_Check(arrived) && PyMethod_GET_FUNCTION(arrived) == pair_arrived &&
        ioctl(descriptor, ARRIVED, &when) == 0) {
        double seconds = (double)when.tv_sec + (double)when.tv_nsec / 1e9;
        done = PyObject_CallMethod(arrivals, "timed", "IdO", (unsigned int)timestamp, seconds, sequence & 1 ? Py_True : Py_False);
    } else {
        done = PyObject_CallMethod(leg, "timed", "iI", (int)sequence, (unsigned int)timestamp);
    }
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Leg.receive(), where the packet simply follows: 1, or 0 with nothing touched, or -1 with an exception. */
static int receive(PyObject *leg, int descriptor, const unsigned char *packet, Py_ssize_t size)
{
    long long type, next, ssrc;
    Place places[MAX_LISTENERS];
    Relay relays[MAX_LISTENERS];
    if (size <= HEADER_SIZE || size > MAX_SIZE || packet[0] != VERSION)
        return 0;
    uint16_t sequence = (uint16_t)(packet[2] << 8 | packet[3]);
    uint32_t timestamp = read_32(packet + 4);
    Py_ssize_t count = size - HEADER_SIZE;
    PyObject *arrivals = get(leg, &Leg, LEG_ARRIVALS);
    PyObject *timelines = get(leg, &Leg, LEG_TIMELINES), *listeners = get(leg, &Leg, LEG_LISTENERS);
    int alaw = is_alaw(get(leg, &Leg, LEG_LAW));
    if (alaw < 0 || !number(leg, &Leg, LEG_QUICK_TYPE, &type) || (packet[1] & ~MARKER & 0xFF) != type ||
        !is(arrivals, &Arrivals) || !number(arrivals, &Arrivals, ARRIVALS_NEXT, &next) || next != sequence ||
        !number(arrivals, &Arrivals, ARRIVALS_SSRC, &ssrc) || ssrc != read_32(packet + 8) || timelines == NULL ||
        !PyTuple_CheckExact(timelines) || PyTuple_GET_SIZE(timelines) > MAX_LISTENERS || listeners == NULL ||
        !PyTuple_CheckExact(listeners) || PyTuple_GET_SIZE(listeners) > MAX_LISTENERS)
        return 0;
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(timelines); index++)
        if (!look_at_timeline(PyTuple_GET_ITEM(timelines, index), timestamp, count, &places[index]))
            return 0;
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(listeners); index++)
        if (!look_at_listener(PyTuple_GET_ITEM(listeners, index), sequence, timestamp, size, &relays[index]))
            return 0;
    /* It is simple; from here on nothing is refused. */
    if (put(arrivals, &Arrivals, ARRIVALS_NEXT, next + 1) < 0)
        return -1;
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(timelines); index++)
        if (place(&places[index], timestamp, packet + HEADER_SIZE, count, alaw) < 0)
            return -1;
    for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(listeners); index++)
        if (relay(&relays[index], packet, size, sequence, timestamp, alaw) < 0)
            return -1;
    if ((sequence & SAMPLED) < 2 && timed(leg, arrivals, descriptor, sequence, timestamp) < 0)
        return -1; /* Python again: last, and nothing found above is used after it */
    return 1;
}

/* A packet to a leg itself: 1 when it was dealt with here, 0 when by Python, -1 with an exception. `source` is None where the
   kernel doesn't vouch for one: the socket is of IPv4 then, those of IPv6 have another taker. */
static int take_here(int descriptor, PyObject *leg, PyObject *taker, PyObject *source, Py_buffer *buffer, PyObject *now)
{
    struct sockaddr_in from = {0}, known;
    socklen_t from_size = sizeof from;
    int certain = source != Py_None, done = 0;
    Py_ssize_t size = recvfrom(descriptor, buffer->buf, (size_t)buffer->len, MSG_DONTWAIT,
                               certain ? NULL : (struct sockaddr *)&from, certain ? NULL : &from_size);
    if (size < 0) /* none there after all, or an earlier packet's ICMP error */
        return 0;
    PyObject *believed = get(leg, &Leg, LEG_SOURCE), *result;
    if (certain ? believed == source
                : read_address(believed, &known) && from.sin_family == AF_INET && from.sin_port == known.sin_port &&
                      from.sin_addr.s_addr == known.sin_addr.s_addr)
        done = receive(leg, descriptor, buffer->buf, size);
    if (done || (done = send_burst()) < 0)
        return done;
    if (certain) {
        result = PyObject_CallFunction(taker, "nOO", size, source, now);
    } else {
        char host[INET_ADDRSTRLEN] = "";
        inet_ntop(AF_INET, &from.sin_addr, host, sizeof host);
        result = PyObject_CallFunction(taker, "n(si)O", size, host, (int)ntohs(from.sin_port), now);
    }
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* A packet to anybody else: 0, or -1 with an exception. */
static int take_there(PyObject *take, PyObject *taker, PyObject *source, PyObject *packet, PyObject *now)
{
    if (send_burst() < 0)
        return -1;
    PyObject *taken = PyObject_CallOneArg(take, packet), *result;
    if (taken == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_OSError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    if (source != Py_None)
        result = PyObject_CallFunctionObjArgs(taker, taken, source, now, NULL);
    else if (PyTuple_CheckExact(taken) && PyTuple_GET_SIZE(taken) == 2)
        result = PyObject_CallFunctionObjArgs(taker, PyTuple_GET_ITEM(taken, 0), PyTuple_GET_ITEM(taken, 1), now, NULL);
    else
        result = PyErr_Format(PyExc_TypeError, "a size and a source are wanted");
    Py_DECREF(taken);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* The packet of one ready descriptor, for whom Ports has in its table. */
static int take_one(PyObject *key, PyObject *found, PyObject *packet, Py_buffer *buffer, PyObject *now)
{
    int descriptor = PyLong_CheckExact(key) ? _PyLong_AsInt(key) : -1;
    if (descriptor < 0 || !PyTuple_CheckExact(found) || PyTuple_GET_SIZE(found) != 3) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_TypeError, "a descriptor, and who takes, who receives and whose it is, are wanted");
        return -1;
    }
    PyObject *take = PyTuple_GET_ITEM(found, 0), *taker = PyTuple_GET_ITEM(found, 1), *source = PyTuple_GET_ITEM(found, 2);
    if (PyMethod_Check(taker) && PyMethod_GET_FUNCTION(taker) == leg_receive && is(PyMethod_GET_SELF(taker), &Leg))
        return take_here(descriptor, PyMethod_GET_SELF(taker), taker, source, buffer, now);
    return take_there(take, taker, source, packet, now);
}

/* What take() and take_slots() work upon. */
typedef struct {
    PyObject *receivers, *packet, *counters, *others; /* others is owned */
    Py_buffer buffer;
    long long received, quick;
} Taking;

static int begin(Taking *taking)
{
    taking->received = taking->quick = 0;
    taking->others = PyList_New(0);
    if (taking->others == NULL)
        return -1;
    if (PyObject_GetBuffer(taking->packet, &taking->buffer, PyBUF_WRITABLE) == 0) /* it can't be resized now */
        return 0;
    Py_DECREF(taking->others);
    return -1;
}

/* Take from one descriptor. Returns -1 and an exception, if Python raised one. */
static int take_from(Taking *taking, PyObject *key, PyObject *now)
{
    PyObject *found = PyDict_GetItemWithError(taking->receivers, key);
    if (found == NULL)
        return PyErr_Occurred() ? -1 : PyList_Append(taking->others, key);
    Py_INCREF(found); /* whoever receives may end itself */
    int done = take_one(key, found, taking->packet, &taking->buffer, now);
    Py_DECREF(found);
    taking->received++;
    taking->quick += done > 0;
    return done;
}

/* All that was taken so far is sent and counted. */
static int settle(Taking *taking)
{
    long long received = taking->received, quick = taking->quick;
    taking->received = taking->quick = 0;
    if (send_burst() < 0 || add(taking->counters, &Counters, COUNTERS_RECEIVED, received) < 0)
        return -1;
    return add(taking->counters, &Counters, COUNTERS_QUICK, quick);
}

/* What is returned: the descriptors that have no taker; NULL and an exception if `done` says that there is one. */
static PyObject *end(Taking *taking, int done)
{
    if (settle(taking) < 0)
        done = -1;
    PyBuffer_Release(&taking->buffer);
    if (done >= 0)
        return taking->others;
    Py_DECREF(taking->others);
    return NULL;
}

static PyObject *take(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *ready, *now;
    Taking taking;
    int done = 0;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O:take", &PyList_Type, &ready, &PyDict_Type, &taking.receivers, &PyByteArray_Type,
                          &taking.packet, &PyLong_Type, &now, &taking.counters) ||
        begin(&taking) < 0)
        return NULL;
    for (Py_ssize_t index = 0; done >= 0 && index < PyList_GET_SIZE(ready); index++) {
        PyObject *event = PyList_GET_ITEM(ready, index);
        if (!PyTuple_CheckExact(event) || PyTuple_GET_SIZE(event) == 0) {
            PyErr_SetString(PyExc_TypeError, "what epoll.poll() returns is wanted");
            done = -1;
            break;
        }
        PyObject *key = Py_NewRef(PyTuple_GET_ITEM(event, 0));
        done = take_from(&taking, key, now);
        Py_DECREF(key);
    }
    return end(&taking, done);
}

/* Schedule.until_slot() and the wait for it: the time at which it is over, in seconds of the monotonic clock; negative, with an
   exception, if the schedule is none. */
static double wait_for_slot(PyObject *schedule, double start)
{
    long long awaited, slot;
    struct timespec when;
    if (!number(schedule, &Schedule, SCHEDULE_AWAITED, &awaited)) {
        PyErr_SetString(PyExc_TypeError, "slots are numbers");
        return -1;
    }
    clock_gettime(CLOCK_MONOTONIC, &when);
    slot = (long long)(((double)when.tv_sec + (double)when.tv_nsec / 1e9 - start) / SLOT_S);
    if (slot <= awaited) {
        double until = start + (double)++slot * SLOT_S;
        when.tv_sec = (time_t)until;
        when.tv_nsec = (long)((until - (double)when.tv_sec) * 1e9);
        Py_BEGIN_ALLOW_THREADS
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL); /* a signal is told by a descriptor of the same epoll */
        Py_END_ALLOW_THREADS
        clock_gettime(CLOCK_MONOTONIC, &when);
    }
    return put(schedule, &Schedule, SCHEDULE_AWAITED, slot) < 0 ? -1 : (double)when.tv_sec + (double)when.tv_nsec / 1e9;
}

static PyObject *take_slots(PyObject *Py_UNUSED(module), PyObject *args)
{
    static struct epoll_event events[MOST];
    PyObject *poll, *schedule;
    Taking taking;
    long long due;
    int done = 0;
    if (!PyArg_ParseTuple(args, "OOO!O!O:take_slots", &poll, &schedule, &PyDict_Type, &taking.receivers, &PyByteArray_Type,
                          &taking.packet, &taking.counters))
        return NULL;
    int descriptor = PyObject_AsFileDescriptor(poll);
    PyObject *start = is(schedule, &Schedule) ? get(schedule, &Schedule, SCHEDULE_START) : NULL;
    if (start == NULL || !PyFloat_CheckExact(start) || !number(schedule, &Schedule, SCHEDULE_NUMBER, &due))
        return PyErr_Format(PyExc_TypeError, "a schedule is wanted");
    if (descriptor < 0 || begin(&taking) < 0)
        return NULL;
    double began = PyFloat_AS_DOUBLE(start), deadline = began + (double)due * SLOT_S, seconds;
    do {
        seconds = wait_for_slot(schedule, began);
        PyObject *now = seconds < 0 ? NULL : PyLong_FromLongLong((long long)((seconds - began) * RATE));
        int count = now == NULL ? -1 : epoll_wait(descriptor, events, MOST, 0);
        if (count < 0 && now != NULL)
            PyErr_SetFromErrno(PyExc_OSError);
        done = count < 0 ? -1 : 0;
        for (int index = 0; done >= 0 && index < count; index++) {
            PyObject *key = PyLong_FromLong(events[index].data.fd);
            done = key == NULL ? -1 : take_from(&taking, key, now);
            Py_XDECREF(key);
        }
        Py_XDECREF(now);
        if (done >= 0)
            done = settle(&taking);
    } while (done >= 0 && PyList_GET_SIZE(taking.others) == 0 && seconds < deadline);
    return end(&taking, done);
}

/* Outgoing.send_frame(), where a play or silence simply goes on: 1, or 0 with nothing touched, or -1 with an exception. */
static int send_frame(PyObject *out, long long clock)
{
    long long count, at = 0, shift, end, sequence, marker, type, ssrc, sent;
    unsigned char packet[MAX_SIZE];
    PyObject *sound = get(out, &Outgoing, OUT_SOUND), *voices = get(out, &Outgoing, OUT_VOICES);
    Way way;
    if (sound == NULL || !find_way(out, &way) ||
        !number(out, &Outgoing, OUT_SAMPLES, &count) || count <= 0 || count > MAX_PAYLOAD ||
        !number(out, &Outgoing, OUT_CLOCK_SHIFT, &shift) || !number(out, &Outgoing, OUT_END, &end) ||
        (uint32_t)(clock + shift) != end || !number(out, &Outgoing, OUT_SEQUENCE, &sequence) ||
        !number(out, &Outgoing, OUT_MARKER, &marker) || !number(out, &Outgoing, OUT_TYPE, &type) || type < 0 ||
        type >= MARKER || !number(out, &Outgoing, OUT_SSRC, &ssrc) || !number(out, &Outgoing, OUT_SENT, &sent))
        return 0;
    if (sound == Py_None) {
        if (voices == NULL || !PyTuple_CheckExact(voices) || PyTuple_GET_SIZE(voices))
            return 0;
        sound = get(out, &Outgoing, OUT_QUIET);
        if (sound == NULL || !PyBytes_CheckExact(sound) || PyBytes_GET_SIZE(sound) != count)
            return 0;
    } else if (!PyBytes_CheckExact(sound) || !number(out, &Outgoing, OUT_SOUND_AT, &at) || at < 0 ||
               at > PyBytes_GET_SIZE(sound) - count) {
        return 0;
    }
    write_header(packet, type | (marker & MARKER), sequence, end, ssrc);
    memcpy(packet + HEADER_SIZE, PyBytes_AS_STRING(sound) + at, (size_t)count);
    if ((sound == get(out, &Outgoing, OUT_SOUND) && put(out, &Outgoing, OUT_SOUND_AT, at + count) < 0) ||
        put(out, &Outgoing, OUT_END, (uint32_t)(end + count)) < 0 ||
        put(out, &Outgoing, OUT_SEQUENCE, (uint16_t)(sequence + 1)) < 0 ||
        (marker && put(out, &Outgoing, OUT_MARKER, 0) < 0) || put(out, &Outgoing, OUT_SENT, sent + 1) < 0 ||
        pass_on(&way, packet, HEADER_SIZE + count) < 0)
        return -1;
    return 1;
}

static PyObject *send_frames(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *lines, *clock, *line;
    long long position;
    int overflow;
    if (!PyArg_ParseTuple(args, "OO!:send_frames", &lines, &PyLong_Type, &clock))
        return NULL;
    position = PyLong_AsLongLongAndOverflow(clock, &overflow);
    PyObject *ended = PyList_New(0), *each = PyObject_GetIter(lines);
    if (ended == NULL || each == NULL || overflow) {
        if (overflow)
            PyErr_SetString(PyExc_OverflowError, "a clock of 64 bits is wanted");
        goto failed;
    }
    while ((line = PyIter_Next(each)) != NULL) {
        PyObject *leg = is(line, &Line) ? get(line, &Line, LINE_LEG) : NULL;
        PyObject *out = is(leg, &Leg) ? get(leg, &Leg, LEG_OUT) : NULL;
        int done = is(out, &Outgoing) ? send_frame(out, position) : -1;
        if (done == 0) {
            Py_INCREF(out);
            PyObject *result = PyObject_CallMethod(out, "send_frame", "O", clock);
            done = result == NULL ? -1 : PyObject_IsTrue(result);
            if (done > 0)
                done = PyList_Append(ended, line);
            Py_XDECREF(result);
            Py_DECREF(out);
        } else if (done < 0 && !PyErr_Occurred()) {
            PyErr_SetString(PyExc_TypeError, "lines are wanted");
        }
        Py_DECREF(line);
        if (done < 0)
            goto failed;
    }
    if (PyErr_Occurred())
        goto failed;
    Py_DECREF(each);
    return ended;
failed:
    Py_XDECREF(each);
    Py_XDECREF(ended);
    return NULL;
}

static PyObject *learn(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *classes, *to_ulaw, *to_alaw;
    if (!PyArg_ParseTuple(args, "O!O!O!:learn", &PyTuple_Type, &classes, &PyBytes_Type, &to_ulaw, &PyBytes_Type, &to_alaw))
        return NULL;
    if (PyTuple_GET_SIZE(classes) != SHAPES || PyBytes_GET_SIZE(to_ulaw) != 256 || PyBytes_GET_SIZE(to_alaw) != 256) {
        PyErr_Format(PyExc_ValueError, "%zd classes and two tables of 256 bytes are wanted", SHAPES);
        return NULL;
    }
    for (Py_ssize_t index = 0; index < SHAPES; index++)
        if (learn_shape(shapes[index], PyTuple_GET_ITEM(classes, index)) < 0)
            return NULL;
    Py_XSETREF(leg_receive, PyObject_GetAttrString((PyObject *)Leg.type, "receive"));
    Py_XSETREF(pair_to_peer, PyObject_GetAttrString((PyObject *)Pair.type, "to_peer"));
    Py_XSETREF(pair_to_any, PyObject_GetAttrString((PyObject *)Pair.type, "to_any"));
    Py_XSETREF(pair_arrived, PyObject_GetAttrString((PyObject *)Pair.type, "arrived"));
    if (leg_receive == NULL || pair_to_peer == NULL || pair_to_any == NULL || pair_arrived == NULL)
        return NULL;
    memcpy(alaw_to_ulaw, PyBytes_AS_STRING(to_ulaw), 256);
    memcpy(ulaw_to_alaw, PyBytes_AS_STRING(to_alaw), 256);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"learn", learn, METH_VARARGS, "learn(classes, alaw_to_ulaw, ulaw_to_alaw): where the slots of Python's classes are."},
    {"take", take, METH_VARARGS, "As loops.take()."},
    {"take_slots", take_slots, METH_VARARGS, "As loops.take_slots()."},
    {"send_frames", send_frames, METH_VARARGS, "As loops.send_frames()."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "ivr.media._fast", "The quick case of ivr.media.loops, in C.", -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__fast(void)
{
    return PyModule_Create(&definition);
}
