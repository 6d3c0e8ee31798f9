"""A real driver of the kernel with a controller behind it: its states, bus-off, and how the router gets it back."""

import unittest

import bus
import router_on_can as site
from daemon import Daemon, poll
from router_on_can import Listener
from slcan import Controller

ERROR, CHANNEL, SUCCESS = 508, 7, 0
GUID = "FF:FF:FF:FF:FF:FF:FF:F5:CA:00:00:00:00:09:00:00"


def router_on(controller, **more):
    return Daemon(config={"can": [{"device": controller.name, "guid": GUID}]}, **more)


class ControllerTest(unittest.TestCase):
    def wait_state(self, router, controller, state):
        poll(lambda: site.figures(router, controller.name)["state"] == state, 20, state)

    def wait_bus(self, router, controller, state):
        poll(lambda: site.figures(router, controller.name)["bus"] == state, 20, state)

    def test_states_are_told_with_the_controllers_counts(self):
        with Controller() as controller, router_on(controller) as router, Listener(router) as listener:
            self.wait_state(router, controller, "up")
            self.assertEqual(site.figures(router, controller.name)["bit_rate"], 125000)
            frame = bus.frame_text(3, 20, 3, 9, [1, 2])
            controller.receive(frame)
            while (event := listener.client.read_event()).vscp_class == ERROR:
                pass
            self.assertEqual(bus.text_of_event(event), frame)
            controller.enter("w", 97, 100)
            while ((event := listener.client.read_event()).vscp_class, event.vscp_type) != (ERROR, CHANNEL):
                pass
            self.assertEqual(event.data, [0, 255, 255, 1, 1, 100, 97, 0])
            controller.enter("p", 130, 140)
            event = listener.client.read_event()
            self.assertEqual((event.vscp_type, event.data), (CHANNEL, [0, 255, 255, 2, 2, 140, 130, 0]))
            controller.enter("a", 3, 4)
            event = listener.client.read_event()
            self.assertEqual((event.vscp_type, event.data[:5]), (SUCCESS, [0, 255, 255, 0, 2]))

    def test_bus_off_ends_by_itself_and_what_waited_goes_out(self):
        with Controller() as controller, router_on(controller) as router, router.login() as client:
            self.wait_state(router, controller, "up")
            for number in range(1, 3):
                controller.enter("b", 130, 255)
                poll(lambda number=number: site.figures(router, controller.name)["bus_offs"] == number, 20, "bus-off")
                client.send_event(20, 3, [number], head=96, guid=GUID[:-2] + "07")
                # slcan's driver has no restart of its own: the router switches the interface off and on.
                poll(lambda number=number: controller.frames() == [bus.frame_text(3, 20, 3, 7, [n]) for n in range(1, number + 1)],
                     20, "the frame that waited")
                self.wait_state(router, controller, "up")
                self.assertEqual(site.figures(router, controller.name)["restarts"], number)
            self.assertIn("restarted after bus off", router.output())

    def test_without_permission_the_operator_is_told_what_to_do(self):
        with Controller() as controller, \
                router_on(controller, wrapper=["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]) as router, \
                router.login() as client:
            self.wait_state(router, controller, "up")
            controller.enter("b")
            poll(lambda: f"ip link set {controller.name} type can restart" in router.output(), 20, "the advice")
            client.send_event(20, 3, [1], head=96, guid=GUID[:-2] + "07")
            self.assertEqual(site.figures(router, controller.name)["state"], "bus off")
            bus.ip("link", "set", "dev", controller.name, "down")
            bus.ip("link", "set", "dev", controller.name, "up")
            poll(lambda: controller.frames() == [bus.frame_text(3, 20, 3, 7, [1])], 20, "the frame that waited")
            self.wait_bus(router, controller, "error active")


if __name__ == "__main__":
    unittest.main(verbosity=2)
