/* The slots of Python's objects, as _fast.c reads and writes them. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>


typedef struct {
    const char *name;
    const char *const *fields; /* ends with NULL; their order is the enum's below it */
    PyTypeObject *type;
    Py_ssize_t at[24];
} Shape;

enum { LEG_SOURCE, LEG_LAW, LEG_QUICK_TYPE, LEG_ARRIVED, LEG_ARRIVALS, LEG_TIMELINES, LEG_LISTENERS, LEG_OUT };
static const char *const leg_fields[] = {"source", "law", "_quick_type", "_arrived", "arrivals", "timelines", "listeners", "out", NULL};
enum { ARRIVALS_NEXT, ARRIVALS_SSRC };
static const char *const arrivals_fields[] = {"next", "ssrc", NULL};
enum { TIMELINE_BUFFER, TIMELINE_AT, TIMELINE_NEXT, TIMELINE_NOISE };
static const char *const timeline_fields[] = {"_buffer", "_at", "_next", "_noise", NULL};
enum {
    OUT_SEND, OUT_REMOTE, OUT_LAW, OUT_TYPE, OUT_SSRC, OUT_SENT, OUT_COUNTERS,
    OUT_FULL_SIZE, OUT_OCTETS_MORE, OUT_FROM_SEQUENCE, OUT_FROM_TIMESTAMP, OUT_SEQUENCE_SHIFT, OUT_TIMESTAMP_SHIFT,
    OUT_SAMPLES, OUT_SOUND, OUT_SOUND_AT, OUT_VOICES, OUT_QUIET, OUT_CLOCK_SHIFT, OUT_END, OUT_SEQUENCE, OUT_MARKER
};
static const char *const out_fields[] = {
    "send", "remote", "law", "audio_type", "ssrc", "sent", "_counters",
    "_full_size", "_octets_more", "_from_sequence", "_from_timestamp", "_sequence_shift", "_timestamp_shift",
    "samples", "sound", "sound_at", "voices", "_quiet", "_clock_shift", "_end", "_sequence", "_marker", NULL};
enum { PAIR_DESCRIPTOR };
static const char *const pair_fields[] = {"descriptor", NULL};
enum { LINE_LEG };
static const char *const line_fields[] = {"leg", NULL};
enum { COUNTERS_UNSENT, COUNTERS_QUICK, COUNTERS_RECEIVED };
static const char *const counters_fields[] = {"unsent", "quick", "received", NULL};
enum { SCHEDULE_START, SCHEDULE_AWAITED, SCHEDULE_NUMBER };
static const char *const schedule_fields[] = {"_start", "_awaited", "number", NULL};

#define SHAPE(NAME, FIELDS) static Shape NAME = {.name = #NAME, .fields = FIELDS}
SHAPE(Leg, leg_fields);
SHAPE(Arrivals, arrivals_fields);
SHAPE(Timeline, timeline_fields);
SHAPE(Outgoing, out_fields);
SHAPE(Pair, pair_fields);
SHAPE(Line, line_fields);
SHAPE(Counters, counters_fields);
SHAPE(Schedule, schedule_fields);
static Shape *const shapes[] = {&Leg, &Arrivals, &Timeline, &Outgoing, &Pair, &Line, &Counters, &Schedule};
#define SHAPES ((Py_ssize_t)(sizeof shapes / sizeof *shapes))

static int is(PyObject *object, const Shape *shape)
{
    return object != NULL && Py_IS_TYPE(object, shape->type);
}

/* A slot's object, borrowed; NULL when it was never set. `owner` is of the shape. */
static PyObject *get(PyObject *owner, const Shape *shape, int field)
{
    return *(PyObject **)((char *)owner + shape->at[field]);
}

/* A slot's number. Returns whether it is one. */
static int number(PyObject *owner, const Shape *shape, int field, long long *value)
{
    PyObject *found = get(owner, shape, field);
    int overflow = 0;
    if (found == NULL || !PyLong_CheckExact(found))
        return 0;
    *value = PyLong_AsLongLongAndOverflow(found, &overflow);
    return !overflow;
}

/* Set a slot to a number. Returns -1 and an exception when there is no memory. */
static int put(PyObject *owner, const Shape *shape, int field, long long value)
{
    PyObject **slot = (PyObject **)((char *)owner + shape->at[field]), *before = *slot;
    PyObject *made = PyLong_FromLongLong(value);
    if (made == NULL)
        return -1;
    *slot = made;
    Py_XDECREF(before);
    return 0;
}

static int add(PyObject *owner, const Shape *shape, int field, long long more)
{
    long long value;
    return is(owner, shape) && more && number(owner, shape, field, &value) ? put(owner, shape, field, value + more) : 0;
}

/* Learn where the slots of a class are. Returns -1 and an exception when it is none, or hasn't these slots. */
static int learn_shape(Shape *shape, PyObject *type)
{
    if (!PyType_Check(type)) {
        PyErr_Format(PyExc_TypeError, "%s: a class is wanted", shape->name);
        return -1;
    }
    for (int field = 0; shape->fields[field] != NULL; field++) {
        PyObject *found = PyObject_GetAttrString(type, shape->fields[field]);
        if (found == NULL)
            return -1;
        int right = Py_IS_TYPE(found, &PyMemberDescr_Type) && PyDescr_TYPE(found) == (PyTypeObject *)type &&
                    ((PyMemberDescrObject *)found)->d_member->type == T_OBJECT_EX;
        if (right)
            shape->at[field] = ((PyMemberDescrObject *)found)->d_member->offset;
        Py_DECREF(found);
        if (!right) {
            PyErr_Format(PyExc_TypeError, "%s.%s: a slot is wanted", shape->name, shape->fields[field]);
            return -1;
        }
    }
    Py_INCREF(type); /* for good */
    shape->type = (PyTypeObject *)type;
    return 0;
}
