/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * logind - on the bus of DBUS_SYSTEM_BUS_ADDRESS: of logind no more than Inhibit, and a line on standard output for
 * each lock
 *
 *	ready
 *	taken WHAT WHO MODE
 *	released
 */
#include <stdio.h>
#include <unistd.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

static int on_release(sd_event_source *source, int fd, uint32_t events, void *context)
{
	(void)events, (void)context;
	puts("released");
	fflush(stdout);
	sd_event_source_unref(source);
	close(fd);
	return 0;
}

static int on_inhibit(sd_bus_message *m, void *context, sd_bus_error *error)
{
	const char *what, *who, *why, *mode;
	int ends[2], r = sd_bus_message_read(m, "ssss", &what, &who, &why, &mode);

	(void)error;
	if (r < 0)
		return r;
	if (pipe(ends) < 0)
		return -1;
	printf("taken %s %s %s\n", what, who, mode);
	fflush(stdout);
	r = sd_event_add_io(context, NULL, ends[0], 0, on_release, NULL);
	if (r >= 0)
		r = sd_bus_reply_method_return(m, "h", ends[1]);
	close(ends[1]);
	return r;
}

static const sd_bus_vtable methods[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Inhibit", "ssss", "h", on_inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int main(void)
{
	sd_event *event = NULL;
	sd_bus *bus = NULL;

	if (sd_event_default(&event) < 0 || sd_bus_open_system(&bus) < 0 ||
	    sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/login1", "org.freedesktop.login1.Manager", methods,
				     event) < 0 ||
	    sd_bus_request_name(bus, "org.freedesktop.login1", 0) < 0 || sd_bus_attach_event(bus, event, 0) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	return sd_event_loop(event) < 0;
}
