#include "drivers/socketcan/error_frame.h"

#include <linux/can/error.h>

#include <array>
#include <utility>

// Of Linux 6.0, for older headers.
#ifndef CAN_ERR_CNT
#define CAN_ERR_CNT 0x00000200U
#endif

namespace drivers::socketcan {
namespace {

constexpr std::array<std::pair<std::uint8_t, std::string_view>, 8> kProtocolErrors{
    {{CAN_ERR_PROT_BIT, "single bit error"},
     {CAN_ERR_PROT_FORM, "frame format error"},
     {CAN_ERR_PROT_STUFF, "bit stuffing error"},
     {CAN_ERR_PROT_BIT0, "a dominant bit could not be sent"},
     {CAN_ERR_PROT_BIT1, "a recessive bit could not be sent"},
     {CAN_ERR_PROT_OVERLOAD, "bus overload"},
     {CAN_ERR_PROT_ACTIVE, "active error announcement"},
     {CAN_ERR_PROT_TX, "on transmission"}}};

std::string_view location_text(std::uint8_t location) noexcept {
  switch (location) {
    case CAN_ERR_PROT_LOC_SOF:
      return "start of frame";
    case CAN_ERR_PROT_LOC_ID28_21:
    case CAN_ERR_PROT_LOC_ID20_18:
    case CAN_ERR_PROT_LOC_ID17_13:
    case CAN_ERR_PROT_LOC_ID12_05:
    case CAN_ERR_PROT_LOC_ID04_00:
      return "identifier";
    case CAN_ERR_PROT_LOC_DLC:
      return "length";
    case CAN_ERR_PROT_LOC_DATA:
      return "data";
    case CAN_ERR_PROT_LOC_CRC_SEQ:
    case CAN_ERR_PROT_LOC_CRC_DEL:
      return "CRC";
    case CAN_ERR_PROT_LOC_ACK:
    case CAN_ERR_PROT_LOC_ACK_DEL:
      return "acknowledgement";
    case CAN_ERR_PROT_LOC_EOF:
      return "end of frame";
    default:
      return {};
  }
}

std::string_view transceiver_text(std::uint8_t transceiver) noexcept {
  switch (transceiver) {
    case CAN_ERR_TRX_CANH_NO_WIRE:
      return "CANH has no wire";
    case CAN_ERR_TRX_CANH_SHORT_TO_BAT:
      return "CANH is shorted to the battery";
    case CAN_ERR_TRX_CANH_SHORT_TO_VCC:
      return "CANH is shorted to VCC";
    case CAN_ERR_TRX_CANH_SHORT_TO_GND:
      return "CANH is shorted to ground";
    case CAN_ERR_TRX_CANL_NO_WIRE:
      return "CANL has no wire";
    case CAN_ERR_TRX_CANL_SHORT_TO_BAT:
      return "CANL is shorted to the battery";
    case CAN_ERR_TRX_CANL_SHORT_TO_VCC:
      return "CANL is shorted to VCC";
    case CAN_ERR_TRX_CANL_SHORT_TO_GND:
      return "CANL is shorted to ground";
    case CAN_ERR_TRX_CANL_SHORT_TO_CANH:
      return "CANL is shorted to CANH";
    default:
      return "transceiver error";
  }
}

BusState state_of(std::uint8_t controller) noexcept {
  if ((controller & (CAN_ERR_CRTL_RX_PASSIVE | CAN_ERR_CRTL_TX_PASSIVE)) != 0) return BusState::kPassive;
  if ((controller & (CAN_ERR_CRTL_RX_WARNING | CAN_ERR_CRTL_TX_WARNING)) != 0) return BusState::kWarning;
  if ((controller & CAN_ERR_CRTL_ACTIVE) != 0) return BusState::kActive;
  return BusState::kUnknown;
}

}  // namespace

std::string_view to_text(BusState state) noexcept {
  switch (state) {
    case BusState::kActive:
      return "error active";
    case BusState::kWarning:
      return "error warning";
    case BusState::kPassive:
      return "error passive";
    case BusState::kBusOff:
      return "bus off";
    case BusState::kStopped:
      return "stopped";
    case BusState::kUnknown:
      break;
  }
  return "unknown";
}

ErrorFrame decode_error_frame(const vscp::CanFrame& frame) noexcept {
  ErrorFrame out;
  if (!frame.error || frame.size < CAN_ERR_DLC) return out;
  const auto has = [&frame](std::uint32_t bit) { return (frame.id & bit) != 0; };
  out.transmit_timeout = has(CAN_ERR_TX_TIMEOUT);
  out.lost_arbitration = has(CAN_ERR_LOSTARB);
  if (out.lost_arbitration) out.arbitration_bit = frame.data[0];
  out.no_acknowledgement = has(CAN_ERR_ACK);
  out.bus_error = has(CAN_ERR_BUSERROR);
  if (has(CAN_ERR_CRTL)) {
    out.receive_overflow = (frame.data[1] & CAN_ERR_CRTL_RX_OVERFLOW) != 0;
    out.transmit_overflow = (frame.data[1] & CAN_ERR_CRTL_TX_OVERFLOW) != 0;
    out.state = state_of(frame.data[1]);
  }
  if (has(CAN_ERR_PROT)) {
    out.protocol = frame.data[2];
    out.location = frame.data[3];
  }
  if (has(CAN_ERR_TRX)) out.transceiver = frame.data[4];
  out.restarted = has(CAN_ERR_RESTARTED);
  if (out.restarted && out.state == BusState::kUnknown) out.state = BusState::kActive;
  out.bus_off = has(CAN_ERR_BUSOFF);
  if (out.bus_off) out.state = BusState::kBusOff;
  out.has_counters = has(CAN_ERR_CNT);
  if (out.has_counters) {
    out.transmit_errors = frame.data[6];
    out.receive_errors = frame.data[7];
  }
  return out;
}

std::string to_text(const ErrorFrame& error) {
  std::string out;
  const auto add = [&out](std::string_view part) {
    if (!out.empty()) out += ", ";
    out += part;
  };
  if (error.bus_off) add("bus off");
  if (error.restarted) add("restarted");
  if (!error.bus_off && !error.restarted && error.state != BusState::kUnknown) add(to_text(error.state));
  if (error.receive_overflow) add("the controller's receive buffer overflowed");
  if (error.transmit_overflow) add("the controller's transmit buffer overflowed");
  if (error.transmit_timeout) add("transmit timeout");
  if (error.lost_arbitration) add("lost arbitration");
  if (error.no_acknowledgement) add("no acknowledgement");
  for (const auto& [bit, text] : kProtocolErrors) {
    if ((error.protocol & bit) != 0) add(text);
  }
  if (const auto text = location_text(error.location); !text.empty()) add("in the " + std::string(text));
  if (error.transceiver != 0) add(transceiver_text(error.transceiver));
  if (out.empty() && error.bus_error) add("bus error");
  return out;
}

}  // namespace drivers::socketcan
